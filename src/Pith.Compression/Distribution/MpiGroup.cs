using System.Globalization;

namespace Pith.Compression.Distribution;

/// <summary>The processes that <c>mpirun</c> started together. MPI is there once in a process, from <see cref="Join"/> to <see cref="Leave"/>.</summary>
internal sealed class MpiGroup : ProcessGroup
{
    // What launchers tell the processes that they start: Open MPI's mpirun, MPICH's and its relatives', Slurm's srun.
    private static readonly string[] s_sizes = ["OMPI_COMM_WORLD_SIZE", "PMI_SIZE", "SLURM_STEP_NUM_TASKS"];
    private static readonly string[] s_ranks = ["OMPI_COMM_WORLD_RANK", "PMI_RANK", "SLURM_PROCID"];

    private readonly OpenMpi _mpi;
    private readonly CpuShare _processors;

    private MpiGroup(OpenMpi mpi)
    {
        _mpi = mpi;
        _processors = CpuShare.Of(this);
    }

    /// <summary>How many processes were started together, by the launcher's word; 1 without a launcher. Loads nothing.</summary>
    public static int LaunchedSize => Number(s_sizes) ?? 1;

    /// <summary>Which of them this is.</summary>
    public static int LaunchedRank => Number(s_ranks) ?? 0;

    /// <summary>The group of this process when it has joined; null before, and without a launcher.</summary>
    public static MpiGroup? Joined { get; private set; }

    /// <inheritdoc/>
    public override int Rank => _mpi.Rank;

    /// <inheritdoc/>
    public override int Size => _mpi.Size;

    /// <inheritdoc/>
    /// <remarks>The processors that it may use, divided among the ranks that may use the same.</remarks>
    public override int Threads => _processors.Threads;

    /// <summary>What the user should know of how ranks were placed; null when nothing.</summary>
    public string? PlacementNote => _processors.Note;

    /// <summary>Joins the other processes; a process by itself when it was not started with others.</summary>
    /// <exception cref="PithException">MPI is missing, is not Open MPI, or does not see the others.</exception>
    public static ProcessGroup Join()
    {
        if (LaunchedSize <= 1) return Single;
        if (Joined is not null) return Joined;
        var mpi = OpenMpi.Join();
        if (mpi.Size != LaunchedSize)
            throw new PithException($"The launcher started {LaunchedSize} processes, Open MPI sees {mpi.Size}: they were started by another launcher. Start them with Open MPI's: mpirun (mpirun.openmpi where several are installed), or srun --mpi=pmix.");
        return Joined = new MpiGroup(mpi);
    }

    /// <summary>Leaves the group at the end of the process. A process that failed ends all others, which would wait for it for ever.</summary>
    /// <param name="exitCode">0 when the work is done.</param>
    public static void Leave(int exitCode)
    {
        if (Joined is not { } group) return;
        if (exitCode != 0) group._mpi.Abort(exitCode);
        else
        {
            // Leaving waits without sleeping.
            group.Barrier();
            group._mpi.Leave();
        }
        Joined = null;
    }

    /// <inheritdoc/>
    public override void Barrier() => _mpi.Barrier();

    /// <inheritdoc/>
    protected override void ExchangeBlocks(ReadOnlySpan<byte> sent, Span<byte> received) => _mpi.ExchangeBlocks(sent, received);

    /// <inheritdoc/>
    protected override void Gather(ReadOnlySpan<byte> own, Span<byte> all) => _mpi.Gather(own, all);

    /// <inheritdoc/>
    protected override void Broadcast(Span<byte> bytes) => _mpi.Broadcast(bytes);

    private static int? Number(string[] variables)
    {
        foreach (var variable in variables)
            if (int.TryParse(Environment.GetEnvironmentVariable(variable), NumberStyles.None, CultureInfo.InvariantCulture, out var number)) return number;
        return null;
    }
}
