"""The experiment of the document (see the README): the class `NeuralNetwork` that it trains."""
