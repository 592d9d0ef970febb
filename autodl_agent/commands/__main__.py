"""`python -m autodl_agent.commands` is `autodl`."""

from autodl_agent.commands.entry_point import main

if __name__ == "__main__":
    main()
