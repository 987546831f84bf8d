using System.Runtime.InteropServices;
using Pith.Platform;

namespace Pith.Compression.Distribution;

/// <summary>
/// The functions of MPI that a <see cref="MpiGroup"/> needs, from Open MPI's library of the system. It is loaded only by a process that mpirun started. MPI fixes no binary interface: in Open MPI a communicator or a type is a pointer to a global of the library,
/// in MPICH and its relatives an integer, so those are refused. Functions are bound by delegates, so that no unsafe code is needed here.
/// </summary>
internal sealed class OpenMpi
{
    private const int ThreadSerialized = 2; // mpi.h: one thread at a time calls MPI, whichever it is
    private const string Install = "Install Open MPI on each machine: sudo apt-get install openmpi-bin";

    private static readonly TimeSpan s_betweenTests = TimeSpan.FromMilliseconds(2);

    private readonly nint _library;
    private readonly nint _world;
    private readonly nint _byte;
    private readonly AllToAllFunction _allToAll;
    private readonly AllToAllFunction _allGather;
    private readonly BroadcastFunction _broadcast;
    private readonly StartBarrierFunction _startBarrier;
    private readonly TestFunction _test;
    private readonly AbortFunction _abort;
    private readonly PlainFunction _finalize;

    private OpenMpi(nint library)
    {
        _library = library;
        if (!NativeLibrary.TryGetExport(library, "ompi_mpi_comm_world", out _world) || !NativeLibrary.TryGetExport(library, "ompi_mpi_byte", out _byte))
            throw new PithException($"The MPI library that was found is not Open MPI but probably MPICH or one of its relatives (Intel MPI, MVAPICH), whose interface differs. {Install}, and start with its mpirun (mpirun.openmpi where several are installed).");
        _allToAll = Bind<AllToAllFunction>("MPI_Alltoall");
        _allGather = Bind<AllToAllFunction>("MPI_Allgather");
        _broadcast = Bind<BroadcastFunction>("MPI_Bcast");
        _startBarrier = Bind<StartBarrierFunction>("MPI_Ibarrier");
        _test = Bind<TestFunction>("MPI_Test");
        _abort = Bind<AbortFunction>("MPI_Abort");
        _finalize = Bind<PlainFunction>("MPI_Finalize");
        Start();
        (Rank, Size) = (Ask("MPI_Comm_rank"), Ask("MPI_Comm_size"));
    }

    /// <summary>This process, from 0.</summary>
    public int Rank { get; }

    /// <summary>The number of processes.</summary>
    public int Size { get; }

    /// <summary>Loads the library and joins the processes that were started together.</summary>
    /// <exception cref="PithException">It is not installed, is another MPI, or cannot start.</exception>
    public static OpenMpi Join()
    {
        foreach (var name in (ReadOnlySpan<string>)["libmpi.so.40", "libmpi.so", "libmpi.40.dylib", "libmpi.dylib"])
            if (NativeLibrary.TryLoad(name, out var library)) return new OpenMpi(library);
        throw new PithException($"This process was started by mpirun, but Open MPI's library (libmpi.so.40) was not found. {Install}.");
    }

    /// <summary>MPI_Alltoall in bytes.</summary>
    public void ExchangeBlocks(ReadOnlySpan<byte> sent, Span<byte> received) =>
        Check("MPI_Alltoall", _allToAll(ref MemoryMarshal.GetReference(sent), sent.Length / Size, _byte, ref MemoryMarshal.GetReference(received), sent.Length / Size, _byte, _world));

    /// <summary>MPI_Allgather in bytes.</summary>
    public void Gather(ReadOnlySpan<byte> own, Span<byte> all) =>
        Check("MPI_Allgather", _allGather(ref MemoryMarshal.GetReference(own), own.Length, _byte, ref MemoryMarshal.GetReference(all), own.Length, _byte, _world));

    /// <summary>MPI_Bcast in bytes from rank 0.</summary>
    public void Broadcast(Span<byte> bytes) => Check("MPI_Bcast", _broadcast(ref MemoryMarshal.GetReference(bytes), bytes.Length, _byte, 0, _world));

    /// <summary>MPI_Ibarrier, which is polled: MPI_Barrier would keep a processor busy.</summary>
    public void Barrier()
    {
        Check("MPI_Ibarrier", _startBarrier(_world, out var request));
        for (;;)
        {
            Check("MPI_Test", _test(ref request, out var isDone, 0));
            if (isDone != 0) return;
            Thread.Sleep(s_betweenTests);
        }
    }

    /// <summary>MPI_Finalize: waits for the others.</summary>
    public void Leave() => Check("MPI_Finalize", _finalize());

    /// <summary>MPI_Abort: ends all processes, this one included.</summary>
    public void Abort(int code) => _ = _abort(_world, code);

    private void Start()
    {
        // A rank that waits asks again and again; where ranks and their threads share processors it must let the others work. A setting of the user's stays.
        NativeEnvironment.SetDefault("OMPI_MCA_mpi_yield_when_idle", "1");
        Check("MPI_Init_thread", Bind<InitFunction>("MPI_Init_thread")(0, 0, ThreadSerialized, out var provided));
        if (provided < ThreadSerialized) throw new PithException($"This build of Open MPI offers thread level {provided}; training needs MPI_THREAD_SERIALIZED ({ThreadSerialized}). {Install}.");
    }

    private int Ask(string function)
    {
        Check(function, Bind<AskFunction>(function)(_world, out var number));
        return number;
    }

    private T Bind<T>(string function) where T : Delegate =>
        NativeLibrary.TryGetExport(_library, function, out var address) ? Marshal.GetDelegateForFunctionPointer<T>(address) : throw new PithException($"Open MPI's library has no function {function}. {Install}.");

    // By default MPI ends the program on an error by itself.
    private static void Check(string function, int error)
    {
        if (error != 0) throw new PithException($"{function} failed with MPI error {error}.");
    }

    private delegate int InitFunction(nint argumentCount, nint arguments, int required, out int provided);

    private delegate int AskFunction(nint communicator, out int number);

    private delegate int AllToAllFunction(ref byte sent, int sentCount, nint sentType, ref byte received, int receivedCount, nint receivedType, nint communicator);

    private delegate int BroadcastFunction(ref byte bytes, int count, nint type, int root, nint communicator);

    private delegate int StartBarrierFunction(nint communicator, out nint request);

    private delegate int TestFunction(ref nint request, out int isDone, nint status);

    private delegate int AbortFunction(nint communicator, int code);

    private delegate int PlainFunction();
}
