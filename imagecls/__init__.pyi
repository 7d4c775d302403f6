from imagecls.api import Classifier as Classifier
from imagecls.api import Prediction as Prediction
from imagecls.api import UserError as UserError
from imagecls.api import load as load
from imagecls.api import train as train
