"""A user's certifications, read by Python's own SQLite from the file that a local Graph wrote."""

import json
import sqlite3
import sys

QUERY = "SELECT document FROM certifications JOIN users ON users.id = certifications.user WHERE upn = ?"

for (document,) in sqlite3.connect(sys.argv[1]).execute(QUERY, sys.argv[2:3]):
    print(json.dumps(json.loads(document), indent=2, ensure_ascii=False))
