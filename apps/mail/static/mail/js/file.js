/* A file on a page of its own: its frame is as high as what is in it, and the folders beside it work. */

import "./folders.js";
import "./message.js";
