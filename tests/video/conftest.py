import sys
from pathlib import Path

# Tests are imported each by its path (importlib mode), so a shared maker needs its folder here.
sys.path.append(str(Path(__file__).parent))
