"""What people do at the door: sign in, invite, join, carry tokens. Over ports; it opens nothing itself."""
