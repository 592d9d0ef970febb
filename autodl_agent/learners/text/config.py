"""Settings of the text learners; they hold across the open sets of questions, news, posts and reviews."""

from dataclasses import dataclass


@dataclass(frozen=True)
class BayesConfig:
    """Settings of `HashedBayes`.

    first_characters: how much of each text the first increment reads. first_total_characters: the first increment
    takes so many training rows (classes even) that they have about this many characters; 2 million take about 0.4 s.
    max_weights: largest number of feature weights (columns x classes); the rarest n-grams go first.
    smoothing: added to every count. idf_power: 0 leaves rare words at their count, 1 is full inverse frequency.
    calibration_share: share of the training rows held out for turning scores into probabilities.
    """

    first_characters: int = 1000
    first_total_characters: int = 2_000_000
    max_weights: int = 1 << 23
    smoothing: float = 0.2
    idf_power: float = 0.5
    calibration_share: float = 0.2


@dataclass(frozen=True)
class LinearConfig:
    """Settings of `LinearText`.

    max_characters: how much of each text is read. longest_tokens: longest n-gram of unsegmented characters (words go
    up to 2). character_grams: lengths of n-grams within words, the word's edges counted as characters.
    min_rows: an n-gram must stand in so many training texts (2 from `min_rows_from` rows on, else 1).
    max_weights: largest number of columns x classes. first_rows: most training rows of the first increment.
    penalties: ridge penalties to choose from (rows have length 1). steps: Lanczos steps of the ridge solver.
    warmth: ridge scores are multiplied by this before a softmax. folds: parts of the training rows that are held out
    in turn to choose penalty, blend and calibration; all of them up to `cross_rows` rows, else one.
    few_rows: below this nothing is held out. plain_penalty: the penalty then.
    block_values: rows x classes solved at once, which bounds the memory of the Lanczos vectors.
    min_word_share: below this share of words among the tokens (texts without spaces) character n-grams of words are
    not worth their time.
    """

    max_characters: int = 20_000
    longest_tokens: int = 3
    character_grams: tuple[int, ...] = (2, 3, 4, 5)
    min_rows_from: int = 200
    max_weights: int = 1 << 25
    first_rows: int = 20_000
    penalties: tuple[float, ...] = (0.3, 1.0, 2.0, 4.0, 8.0)
    steps: int = 10
    warmth: float = 5.0
    folds: int = 5
    cross_rows: int = 1000
    few_rows: int = 20
    plain_penalty: float = 1.0
    block_values: int = 1 << 21
    min_word_share: float = 0.3
