"""A hostile hot folder, and more at once than the kernel can tell of. Longer: ./run.sh soak hostile writers."""
import pathlib
import sys

import pytest

sys.path.insert(1, str(pathlib.Path(__file__).resolve().parent.parent / "soak"))

import hostile  # noqa: E402
import writers  # noqa: E402
from suite import possible  # noqa: E402

pytestmark = pytest.mark.slow


@pytest.mark.parametrize("as_root", [True, False], ids=["as-root", "as-another-user"])
def test_names_that_turn_into_links_while_they_are_looked_at(as_root):
    with possible():
        hostile.one_round(1, 2, as_root)


def test_more_at_once_than_the_kernels_queue_holds():
    count = writers.queue_length() + 3000
    if count > 50000:
        pytest.skip("fs.inotify.max_queued_events is %d" % writers.queue_length())
    writers.one_round(count, True)
