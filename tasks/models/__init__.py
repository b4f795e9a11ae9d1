"""What a model is: networks built from settings, predictions from raw rows, and the folder MLflow keeps.

Stage module; ``tasks.training`` fits these models, the registered model carries this package with it.
``networks`` and ``predictor`` run with Keras, NumPy and pyarrow alone.
"""
