"""One thread for linear algebra, as in every run: on busy cores OpenBLAS's own threads wait more than they work."""

from autodl_agent.machine import calm_blas

calm_blas()
