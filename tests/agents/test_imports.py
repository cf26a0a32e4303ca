"""The settings and the baseline load without the learning library."""

import subprocess
import sys


def test_naming_agents_and_playing_at_random_loads_no_torch():
    code = (
        "import sys, numpy as np\n"
        "from qvar.agents import DoubleDQN, RandomPolicy, make_agent\n"
        "make_agent(RandomPolicy(), n_features=3, n_actions=5, max_gates=4, seed=np.random.SeedSequence(0))\n"
        "print('torch' in sys.modules)\n"
        "from qvar.agents import DoubleDQNAgent\n"
        "print('torch' in sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "True"]
