"""Settings of the text learners; they hold across the open sets of questions, news, posts and reviews."""

from dataclasses import dataclass

from autodl_agent.learners.heads.config import HeadConfig
from autodl_agent.learners.networks.config import TrainingConfig


@dataclass(frozen=True)
class BayesConfig:
    """Settings of `HashedBayes`.

    first_characters: how much of each text the first increment reads. first_total_characters: the first increment
    takes so many training rows (classes even) that they have about this many characters, and shortens texts further
    where the test rows would have more than twice as many; 3 million take about 0.4 s.
    least_characters: texts are never shortened below this.
    max_weights: largest number of feature weights (columns x classes); the rarest n-grams go first.
    min_rows_from: from so many rows on an n-gram must stand in at least 2 of them.
    smoothing: added to every count. idf_power: 0 leaves rare words at their count, 1 is full inverse frequency.
    calibration_share: share of the training rows held out for turning scores into probabilities.
    """

    first_characters: int = 1000
    first_total_characters: int = 3_000_000
    least_characters: int = 100
    max_weights: int = 1 << 23
    min_rows_from: int = 200
    smoothing: float = 0.2
    idf_power: float = 0.5
    calibration_share: float = 0.2


@dataclass(frozen=True)
class LinearConfig:
    """Settings of `LinearText`.

    max_characters: how much of each text is read. token_total_characters, character_total_characters: texts of a split
    are shortened further, evenly, until they have no more than this together (memory: about 30 bytes a character).
    longest_tokens: longest n-gram of unsegmented characters (words go
    up to 2). character_grams: lengths of n-grams within words, the word's edges counted as characters.
    min_rows_from: from so many rows on an n-gram must stand in at least 2 of them.
    max_weights: largest number of columns x classes. first_rows, most_rows: most training rows (classes even) of the
    first and of later increments.
    penalties: ridge penalties to choose from (rows have length 1). steps: Lanczos steps of the ridge solver.
    warmth: ridge scores are multiplied by this before a softmax. folds: parts of the training rows that are held out
    in turn to choose penalty, blend and calibration; all of them up to `cross_rows` rows, else one.
    few_rows: below this nothing is held out. plain_penalty: the penalty then.
    block_values: rows x classes solved at once, which bounds the memory of the Lanczos vectors.
    min_word_share: below this share of words among the tokens (texts without spaces) character n-grams of words are
    not worth their time. marks: see `features.tokenise`.
    """

    max_characters: int = 20_000
    token_total_characters: int = 32_000_000
    character_total_characters: int = 16_000_000
    longest_tokens: int = 3
    character_grams: tuple[int, ...] = (3, 5)
    min_rows_from: int = 200
    max_weights: int = 1 << 25
    first_rows: int = 20_000
    most_rows: int = 200_000
    penalties: tuple[float, ...] = (0.3, 1.0, 2.0, 4.0, 8.0)
    steps: int = 10
    warmth: float = 5.0
    folds: int = 5
    cross_rows: int = 1000
    few_rows: int = 20
    plain_penalty: float = 1.0
    block_values: int = 1 << 21
    min_word_share: float = 0.3
    marks: bool = True


@dataclass(frozen=True)
class TextExcerpt:
    """How much of each text an encoder reads.

    pieces: word pieces read from the text's start. window: most pieces read together; windows are averaged.
    """

    pieces: int
    window: int


@dataclass(frozen=True)
class FrozenTextConfig:
    """Settings of a learner on a frozen text encoder.

    encoder: name of its weights. needs: names of all files it reads. excerpts: one after the other, longer each time;
    a longer one is tried only where at least `long_share` of the texts have more pieces than the one before.
    first_rows: training rows of the first increment (classes even); growth: how many times more each further takes.
    least_rows: fewer than these are not worth the test rows' time. most_rows: of the last. most_cells: rows x classes
    at most. known_share: least share of pieces that are not unknown characters in `look` texts. net: of the head.
    """

    encoder: str
    needs: tuple[str, ...]
    excerpts: tuple[TextExcerpt, ...]
    first_rows: int
    growth: int = 4
    least_rows: int = 100
    most_rows: int = 12_000
    most_cells: int = 10_000_000
    long_share: float = 0.1
    known_share: float = 0.8
    look: int = 200
    net: HeadConfig = HeadConfig()


USE = FrozenTextConfig(
    encoder="use-multilingual",
    needs=("use-multilingual", "use-multilingual-pieces"),
    excerpts=(TextExcerpt(64, 64), TextExcerpt(512, 128)),
    first_rows=2000,
    most_rows=30_000,
)
E5 = FrozenTextConfig(
    encoder="e5-small", needs=("e5-small",), excerpts=(TextExcerpt(64, 64), TextExcerpt(256, 256)), first_rows=1000
)


@dataclass(frozen=True)
class TextNetworkConfig:
    """Settings of `TextNetwork`.

    buckets: token numbers that hashes fall into. embedded: length of a token's vector. filters: of each kernel.
    kernels: tokens that one filter sees, for words; gram_kernels: for character n-grams of `grams` characters.
    most_length: tokens of a window at most; most_windows: of one text in a prediction. most_tokens, most_characters:
    read of one text. forget: share of tokens left out while training. look_rows: texts that tell words from other
    tokens. most_rows: texts at the most. training: see there.
    """

    buckets: int = 1 << 15
    embedded: int = 64
    filters: int = 96
    kernels: tuple[int, ...] = (2, 3, 4)
    gram_kernels: tuple[int, ...] = (4, 8)
    grams: int = 4
    most_length: int = 256
    most_windows: int = 4
    most_tokens: int = 1024
    most_characters: int = 6_000
    forget: float = 0.1
    dropout: float = 0.4
    look_rows: int = 200
    most_rows: int = 100_000
    training: TrainingConfig = TrainingConfig(
        batch_rows=32, first_samples=6_000, first_epochs=20, rate=3e-3, max_epochs=100, decay=0.02
    )


@dataclass(frozen=True)
class TunedTextConfig:
    """Settings of `TunedText`.

    needs_gpu: do nothing without an accelerator that Keras can use: a driver's file (`machine.has_gpu`) does not say.
    lengths: pieces of a text, marks included, that one increment after the other reads; a longer one is tried only
    where at least `long_share` of the texts have more than the one before. dropout: before the last layer. first_rows,
    most_rows: rows of the first and of later increments at the most. head_rows: rows that the last layer's first
    weights come from; fewer than least_head_rows say nothing. known_share, look: as in `FrozenTextConfig`. training:
    see there; its numbers are guesses from what is usual for such encoders, not measured.
    """

    needs_gpu: bool = True
    lengths: tuple[int, ...] = (64, 128, 256)
    long_share: float = 0.1
    dropout: float = 0.1
    first_rows: int = 8_000
    most_rows: int = 60_000
    head_rows: int = 2_000
    least_head_rows: int = 20
    known_share: float = 0.8
    look: int = 200
    training: TrainingConfig = TrainingConfig(
        batch_rows=32,
        first_samples=4_000,
        first_epochs=3,
        max_epochs=8,
        rate=2e-4,
        average_every=16,  # a look copies 85 MB from the card
        decay=0.0,
        layer_decay=0.85,
        opening=4,
    )
