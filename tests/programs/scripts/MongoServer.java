// A server that speaks MongoDB's protocol and keeps everything in memory.
import de.bwaldvogel.mongo.MongoServer;
import de.bwaldvogel.mongo.backend.memory.MemoryBackend;

class Main {
    public static void main(String[] arguments) throws Exception {
        MongoServer server = new MongoServer(new MemoryBackend());
        System.out.println("port " + server.bind().getPort());
        Thread.currentThread().join();
    }
}
