/* The script of the pages with a list: all that they need at once. */
import "./folders.js";
import "./list.js";
import "./pages.js";
import "./message.js";
import "./poll.js";
