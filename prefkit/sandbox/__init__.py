r"""Programs written by models run here, as if every one of them were hostile.

    from prefkit.sandbox.levels import strongest_level
    from prefkit.sandbox.limits import Limits
    from prefkit.sandbox.worker import Worker

    with Worker(strongest_level(), Limits()) as worker:
        with worker.open("def double(x):\n    return 2 * x") as candidate:
            answer = candidate.call("double", [21])  # Answer(kind="value", value=42, ...)

A warm runner inside the sandbox forks once for each candidate. What a candidate should answer never
enters the sandbox: answers come back as plain data, are rebuilt by the parent and compared there.
"""
