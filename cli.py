"""The door from a checkout: `python cli.py run …` is `autodl run …`."""

from autodl_agent.commands import main

if __name__ == "__main__":
    main()
