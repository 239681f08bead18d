"""What happens to service and Postgres while messages go to and fro."""

from collections.abc import Callable, Sequence

from tests.soak.scene import Scene


def restart_service(scene: Scene) -> None:
    """Stop the service as a deployment does, and start it again."""
    scene.service.stop()
    scene.service.start()


def restart_postgres(scene: Scene) -> None:
    """Shut Postgres down, and start it again."""
    scene.postgres.stop()
    scene.postgres.start()


def kill_postgres(scene: Scene) -> None:
    """Kill Postgres, and start it again: it recovers from its log."""
    scene.postgres.kill()
    scene.postgres.start()


DISTURBANCES: Sequence[Callable[[Scene], None]] = (restart_service, kill_postgres, restart_postgres)
