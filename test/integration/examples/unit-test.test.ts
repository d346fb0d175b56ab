/** The user's unit test of the examples is a test of ours, too. */
import '../../../examples/unit-test.test.js'
