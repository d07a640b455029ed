"""Programs that tests run, in their own process or not: nothing here is a test, and collecting it imports TRL."""

collect_ignore_glob = ["*.py"]
