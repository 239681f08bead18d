"""What gunicorn loads; `receiver serve` gives it the address of the database."""

from receiver import create_app, create_operations
from receiver.log import configure
from receiver.settings import Settings
from receiver.web.rooms import rooms_of

settings = Settings.from_environ()
configure(settings.log_level).gather()
app = create_app(settings)
operations = create_operations(app)
rooms_of(app).open()
