import {register} from "@shopify/web-pixels-extension";
import {follow} from "./follow.js";

register(follow);
