"""Time functions side by side: CPU time of this process, in turns, every function warm."""

import gc
import statistics
import time

SLICE_SECONDS = 0.015
SLOW_SECONDS = 0.25
SLOW_ROUNDS = 3


def seconds_per_call(function, repeats):
    began = time.process_time()
    for _ in range(repeats):
        function()
    return (time.process_time() - began) / repeats


def repeats_for(function, slice_seconds):
    """How often to call a function in a slice, from growing trials: the first calls are slower than the rest."""
    function()
    repeats = 1
    while (seconds := seconds_per_call(function, repeats)) * repeats < slice_seconds / 4:
        repeats *= 4
    return max(1, round(slice_seconds / seconds))


def alternate(functions, *, rounds, slice_seconds=SLICE_SECONDS):
    """Call the functions in turns, one slice of `slice_seconds` each per round.

    Args:
        functions: dict of names and functions without arguments.
        rounds: number of slices for each; a function that takes longer than SLOW_SECONDS gets SLOW_ROUNDS at most.
        slice_seconds: a slice repeats its function until about this much CPU time is spent, once at least.

    Returns:
        dict of names and {"min": ..., "median": ...} over the slices, seconds per call.
    """
    gc.collect()
    gc.freeze()  # what the peers have loaded would otherwise be traversed during our slices
    repeats = {name: repeats_for(function, slice_seconds) for name, function in functions.items()}
    slices = {name: [] for name in functions}
    for number in range(rounds):
        for name, function in functions.items():
            if number < SLOW_ROUNDS or slices[name][0] < SLOW_SECONDS:
                slices[name].append(seconds_per_call(function, repeats[name]))
    return {name: {"min": min(s), "median": statistics.median(s)} for name, s in slices.items()}
