/* The script of the pages with a list: all that they need at once. What a message needs comes with the first one. */
import "./folders.js";
import "./list.js";
import "./pages.js";
import "./poll.js";
