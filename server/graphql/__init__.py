"""``/graphql``, of which MLflow's pages ask some things."""
