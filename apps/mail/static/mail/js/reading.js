// What an open message or conversation needs besides its frame: it comes once one is open.
import "./marked.js";
import "./conversation.js";
import "./quick.js";
