"""What it costs to ask 2,000 questions: prefkit, a loop on raw sockets, and two peers.

All ask one server on loopback, which answers after 200 +- 50 ms and fails now and then, the same
request at the same attempt in the same way whoever asks.
"""
