"""Graph variational auto-encoders of circuits: network, loss, training, accuracy and embedding."""
