"""Random numbers for what must differ and need not be secret.

Not the system's: each call of it lets another thread go first, which under load keeps the caller waiting. Not
Python's shared generator, which anybody in the process may seed.
"""

import os
import random

_generator = random.Random()
# Else two workers would have the same numbers.
os.register_at_fork(after_in_child=_generator.seed)

bits = _generator.getrandbits

__all__ = ["bits"]
