package chips

// readWord fills r from a register of 16 bits, most significant byte first; a
// master that reads on gets the two bytes again and again.
func readWord(r []byte, word uint16) {
	for i := range r {
		r[i] = byte(word >> (8 * (1 - i%2)))
	}
}
