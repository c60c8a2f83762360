"""The document's experiment: its `NeuralNetwork`."""
