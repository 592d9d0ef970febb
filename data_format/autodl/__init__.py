"""The AutoDL format: TFRecords of sequence examples with a description beside them."""
