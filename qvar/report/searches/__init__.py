"""Reports of architecture searches: single runs, sweeps, and what is published beside them."""
