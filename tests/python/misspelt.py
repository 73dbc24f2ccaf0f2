"""Mistakes that type checkers must find: each of these lines is one."""

import datetime

from personcert import Client

client = Client(tokn="x")
client.update("id", issuing_authorty="x")
client.update("id", end_date=datetime.timedelta(1))
client.update("id", description=1)
client.update("id", created_by="x")
client.get("id").issuing_authorty
client.get()
