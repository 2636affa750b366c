"""The garbage collector of a process that goes on for long."""

import gc


def set_aside_what_is_here() -> None:
    """What a process has loaded by the time it begins its work stays as long as it lives.

    Looking through all of it anew takes a tenth of a second, for which every thread waits; without it the collector is
    done at once and looks more often, so less of what comes and goes heaps up in between.
    """
    gc.collect()
    gc.freeze()
    gc.collect()  # how soon it looks again depends on how much the last look found
