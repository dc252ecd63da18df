"""Every store, written once in SQL that SQLite and PostgreSQL both speak; the two engines are `Database`s."""
