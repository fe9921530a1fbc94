"""Models as judges: what they are asked, what they are shown, and what is read from their replies.

`load_rubric` finds a rubric, `asked` makes the request for one judgement and `read` makes a verdict
of the reply. What a response says is material in all of this, never an instruction and never code.
"""
