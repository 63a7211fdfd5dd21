"""The bugs that the simulation must find fit the code as it is: told by the fast inner loop already, not by the long run."""

from simulation.mutants import MUTANTS
from simulation.world import simulate


def test_every_bug_can_be_put_in_and_taken_out_again():
    for mutant in MUTANTS:
        with mutant.planted():
            pass
    assert not simulate(1).violation
