// Says on the page when the server has gone, since what is shown then no longer changes.
setInterval(() => {
    fetch("/", { method: "HEAD" }).then(
        () => document.body.classList.remove("gone"),
        () => document.body.classList.add("gone")
    );
}, 3000);
