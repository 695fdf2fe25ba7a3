"""The fuzz targets' own modules, for the tests beside them."""

import pathlib
import sys

sys.path.append(str(pathlib.Path(__file__).parent))
