"""HTTP in and out. The only place, with app.py, that knows Chalice."""
