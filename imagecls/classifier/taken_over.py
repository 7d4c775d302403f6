"""Which pictures a run's network will have learnt from: its own, and those of what it begins with
or is taught by."""

from typing import Any

import numpy as np

from gocnn.training import session as sessions
from imagecls.classifier import init_from, weights
from imagecls.classifier.known import (
    LEARNT,
    digests,
    is_classifier,
    of_file,
    read,
    taken_over,
    written,
)
from imagecls.classifier.run_config import ClassifierRunConfig
from imagecls.photos.data import Splits
from imagecls.photos.spare import Spare

TAKEN_OVER = "taken_over"
"""What run.json calls the pictures that others have learnt from, of whom a run has what it knows
(as `known.written` has them): they may be gone when it goes on."""


def what_is_known(
    config: ClassifierRunConfig, splits: Splits, spare: Spare | None, session: sessions.Session
) -> tuple[dict[str, str], dict[str, Any]]:
    """What model files say of the pictures that are learnt from (see `known`), and what run.json
    says of those of others."""
    sources = [*([config.init_from] if config.init_from else []), *config.teaching.models]
    named = (*weights.PUBLISHED, weights.OF_TIMM, "none")
    if config.pretrained not in named and is_classifier(config.pretrained):
        sources.append(config.pretrained)
    if session.launch.resume and TAKEN_OVER in session.before:
        facts = {TAKEN_OVER: session.before[TAKEN_OVER]}
        theirs = read({LEARNT: facts[TAKEN_OVER]})
    else:
        givers = {init_from.named(source): of_file(source) for source in sources}
        theirs, notes = taken_over(givers, splits.valid)
        for note in notes:
            session.say(f"note: {note}")
        known = None if theirs is None else written(theirs)
        facts = {TAKEN_OVER: known} if sources else {}
    if theirs is None:
        return {}, facts
    own = [splits.train, *([] if spare is None else [spare.photos])]
    everything = np.concatenate([theirs, *map(digests, own)])
    return {LEARNT: written(everything)}, facts
