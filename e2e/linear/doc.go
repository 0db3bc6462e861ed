// Package linear records what clients asked and were answered, and checks with porcupine that each room behaved as if
// its requests had been carried out one after the other, each at some moment between its asking and its answer.
package linear
