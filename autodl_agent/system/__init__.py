"""The machine: clock, processes, memory, and the errors of the whole package."""
