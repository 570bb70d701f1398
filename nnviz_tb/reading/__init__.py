"""The reading side: TensorBoard's data provider to answers over HTTP."""
