"""What people see in a browser: /dash for operators, /public for everybody."""

from rrdnsd.web.dashboard.routes import add_dashboard

__all__ = ["add_dashboard"]
