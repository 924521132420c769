"""`make down`: stops the local stack with every process it started."""

import settings
import stack

if __name__ == "__main__":
    print("stopped" if stack.down(settings.Place()) else "nothing was running")
