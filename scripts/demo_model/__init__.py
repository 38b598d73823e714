"""The pieces of the demo model: sentences, speech, tokenizer, training and evaluation."""
