from gocnn.api import Move as Move
from gocnn.api import Network as Network
from gocnn.api import Player as Player
from gocnn.api import Position as Position
from gocnn.api import PositionEvaluation as PositionEvaluation
from gocnn.api import UserError as UserError
from gocnn.api import benchmark as benchmark
from gocnn.api import load as load
from gocnn.api import player as player
from gocnn.api import position as position
from gocnn.api import train as train
from gocnn.api import wrap as wrap

__version__: str
