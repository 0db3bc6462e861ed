// An app as somebody writes it: React, Vite, and the package.
import { useEffect, useState } from "react";
import { createRoot } from "react-dom/client";
import { connect } from "parley-rtc";

const parley = connect(new URLSearchParams(location.search).get("server"));

function Call() {
  const [members, setMembers] = useState([]);
  const [heard, setHeard] = useState("");
  useEffect(() => {
    let left = false;
    const stops = [];
    const entered = parley.enter("react").then((room) => {
      if (left) return room.leave();
      const show = () => setMembers([...room.members]);
      stops.push(room.on("join", show), room.on("leave", show), room.on("live", show));
      show();
      const mesh = room.mesh((peer) => {
        if (peer.polite) peer.pc.createDataChannel("hello");
        peer.on("channel", () => setHeard("a channel"));
        peer.on("state", (state) => state === "connected" && setHeard("connected"));
      });
      stops.push(() => mesh.close());
    });
    return () => {
      left = true;
      for (const stop of stops) stop();
      entered.then(() => parley.leave("react"));
    };
  }, []);
  return <p id="call">{members.length} other: {heard}</p>;
}

createRoot(document.getElementById("root")).render(<Call />);
