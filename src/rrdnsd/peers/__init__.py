"""How nodes hear each other: messages, their authentication, and the HTTP mesh that carries them."""
