"""The group of all commands; each builds arguments and makes one library call.

Nothing heavy is imported here: `autodl --help` answers in about a tenth of a second.
"""

import click

from autodl_agent.commands.benchmark import benchmark
from autodl_agent.commands.bundle import bundle
from autodl_agent.commands.convert import convert
from autodl_agent.commands.evaluate import evaluate
from autodl_agent.commands.export import export
from autodl_agent.commands.inspect import inspect
from autodl_agent.commands.predict import predict
from autodl_agent.commands.run import run
from autodl_agent.commands.score import score
from autodl_agent.commands.weights import weights


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="autodl-agent", prog_name="autodl")
def cli() -> None:
    """Classify images, videos, sounds, texts or tables under a time budget.

    From the first second to the last there is a prediction on disk for the test rows, better each time.

    \b
    autodl inspect DATASET                  what is in it, and what is wrong with it
    autodl convert DATASET OUT              any data in AutoDL format
    autodl run DATASET --budget 300         train and predict for five minutes
    autodl predict RUN DATA -o out.csv      predict new files with the model of a run
    autodl export RUN --format savedmodel   its model for other programs
    autodl score RUN/predictions TRUTH      area under the learning curve of a run
    autodl bundle submission.zip            the agent as a challenge submission
    autodl evaluate submission.zip DATASET  any submission by the challenge's rules
    autodl benchmark SUITE                  whole runs on many data sets, compared
    """


for command in (run, inspect, convert, predict, export, score, bundle, evaluate, benchmark, weights):
    cli.add_command(command)
