"""What gunicorn loads; `receiver serve` gives it the address of the database."""

import gc

from receiver import create_app, create_operations
from receiver.log import configure
from receiver.settings import Settings
from receiver.web.rooms import rooms_of

settings = Settings.from_environ()
configure(settings.log_level).gather()
app = create_app(settings)
operations = create_operations(app)
rooms_of(app).open()
gc.collect()
gc.freeze()  # what is loaded stays: no collection has to look through it again
